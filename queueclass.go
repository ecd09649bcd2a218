package sluice

import "fmt"

// QueueClass is who goes first where calls wait for an engine.
type QueueClass uint8

// The classes, the first one first. The zero value is a person who waits for the answer.
const (
	QueueInteractive QueueClass = iota // somebody waits and reads along
	QueueAgent                         // a program that works through many calls of its own
	QueueBatch                         // nobody waits: hours do not matter
)

// QueueClasses is how many classes there are.
const QueueClasses = 3

// String returns the class's name, as the API and the settings have it.
func (c QueueClass) String() string {
	switch c {
	case QueueInteractive:
		return "interactive"
	case QueueAgent:
		return "agent"
	case QueueBatch:
		return "batch"
	}
	return fmt.Sprintf("QueueClass(%d)", uint8(c))
}

// ParseQueueClass reads a class's name. Errors: CodeInvalid.
func ParseQueueClass(name string) (QueueClass, error) {
	for c := range QueueClass(QueueClasses) {
		if c.String() == name {
			return c, nil
		}
	}
	return 0, Errorf(CodeInvalid, "There is no queue class %.40q: it is interactive, agent or batch.", name)
}

// Queueing is what an organisation's calls are to the queue.
type Queueing struct {
	// Class is "interactive", "agent" or "batch"; empty leaves it to the plan: agent
	// with one, and interactive without. Projects, keys and clients can lower it.
	Class string `json:"class,omitempty"`

	// Weight is its part of what engines can do while calls wait, in relation to other
	// organisations of the same class; zero is 1.
	Weight int64 `json:"weight,omitempty"`

	// Free says that its calls bring nothing in, whatever their prices: a trial.
	// They go behind those that do.
	Free bool `json:"free,omitempty"`
}

// MaxQueueWeight bounds weights, so that no organisation shuts out the others.
const MaxQueueWeight = 1000

// Valid returns nil, or what is wrong with it: CodeInvalid.
func (q Queueing) Valid() error {
	if q.Weight < 0 || q.Weight > MaxQueueWeight {
		return Errorf(CodeInvalid, "A weight in the queue is 1 to %d.", MaxQueueWeight)
	}
	return ValidQueueClass(q.Class)
}

// ValidQueueClass returns nil for a class's name and for none, or else CodeInvalid.
func ValidQueueClass(name string) error {
	if name == "" {
		return nil
	}
	_, err := ParseQueueClass(name)
	return err
}
