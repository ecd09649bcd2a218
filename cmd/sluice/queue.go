package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"sluice/api"
	"sluice/api/client"
)

// queueCommand shows what waits for engines.
func (c *cli) queueCommand() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List what waits for engines, and what was turned away", Args: none,
		Long: "List what waits for engines by model and class, in the order in which it is served, and what\n" +
			"became of calls that could not go at once since the server began. LATE are calls that were told at\n" +
			"once that they would wait for longer than they may; FULL those for which there was no place in the\n" +
			"queue or in their organisation's part of it; DISPLACED those whose place a call took that goes first;\n" +
			"EXPIRED those that waited for as long as they may.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			heads := []any{"MODEL", "CLASS", "WAITING", "TOKENS", "OLDEST", "SERVED", "MEAN WAIT", "LATE", "FULL", "DISPLACED", "EXPIRED", "LEFT"}
			return listAll(c, heads, func(cl *client.Client, p api.Paging) (api.Page[api.Queue], error) {
				return cl.Queues(cmd.Context(), p)
			}, func(w io.Writer, q api.Queue) {
				class := q.Class
				if q.Free {
					class += ", free"
				}
				mean := 0.0
				if q.Served > 0 {
					mean = q.Waited / float64(q.Served)
				}
				row(w, q.Model, class, q.Waiting, q.Tokens, seconds(q.Oldest), q.Served, seconds(mean), q.Shed.Late, q.Shed.Full+q.Shed.Tenant, q.Shed.Displaced, q.Shed.Expired, q.Left)
			})
		},
	}
	return group("queue", "The queue in front of the engines", list)
}

// seconds writes a time for people.
func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond).String()
}
