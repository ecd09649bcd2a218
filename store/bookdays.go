package store

import (
	"context"
	"encoding/json"
	"fmt"

	"sluice/money/statement"
)

// bookDays is the setting that holds the clocks of the books' days.
const bookDays = "books_timezone"

// BookDays says when the days of the books begin: in UTC where nothing else was set.
func (db *DB) BookDays(ctx context.Context) (statement.Days, error) {
	text, err := db.Setting(ctx, bookDays)
	if err != nil || text == "" {
		return nil, err
	}
	var days statement.Days
	if err = json.Unmarshal([]byte(text), &days); err == nil {
		err = days.Check()
	}
	if err != nil {
		return nil, fmt.Errorf("reading the timezone of the books: %w", err)
	}
	return days, nil
}

// PutBookDays stores when days begin.
func (db *DB) PutBookDays(ctx context.Context, days statement.Days) error {
	text, err := json.Marshal(days)
	if err != nil {
		return fmt.Errorf("writing the timezone of the books: %w", err)
	}
	return db.PutSetting(ctx, bookDays, string(text))
}
