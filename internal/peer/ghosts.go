package peer

import "time"

// afterglow is how long a call that was given up may still be spoken of. A program that stops when it is told to is long
// done by then; one that does not stop answers in the end.
const afterglow = time.Minute

// Ghosts are the calls that were given up and have not been answered since. The other side may go on with one of them, and
// what it then sends without naming a call must not be taken for another owner's. The zero value is ready. It is not
// safe for concurrent use.
type Ghosts struct {
	owners map[uint64]any
	order  []ghost // oldest first; those that were answered stand here too
}

type ghost struct {
	id    uint64
	until time.Time
}

// Add takes in a call that was given up. One without an owner does not count.
func (g *Ghosts) Add(id uint64, owner any) {
	if owner == nil {
		return
	}
	if g.owners == nil {
		g.owners = make(map[uint64]any)
	}
	now := time.Now()
	g.fade(now)
	g.owners[id] = owner
	g.order = append(g.order, ghost{id, now.Add(afterglow)})
}

// Answered takes out a call: nothing of it can come any more.
func (g *Ghosts) Answered(id uint64) { delete(g.owners, id) }

// Haunt reports whether there is a ghost of another owner than that.
func (g *Ghosts) Haunt(owner any) bool {
	g.fade(time.Now())
	for _, other := range g.owners {
		if other != owner {
			return true
		}
	}
	return false
}

func (g *Ghosts) fade(now time.Time) {
	for len(g.order) > 0 && g.order[0].until.Before(now) {
		delete(g.owners, g.order[0].id)
		g.order = g.order[1:]
	}
}
