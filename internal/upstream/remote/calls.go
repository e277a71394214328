package remote

import (
	"cmp"
	"slices"
)

// calls are the calls in flight on a connection, by id. Most of the time there is none, or one, and ids grow, so a short list
// in order does, which keeps nothing while it is empty. The zero value is ready.
type calls struct {
	list []*call
	one  [1]*call // room for the usual number
}

func (s *calls) place(id uint64) (at int, found bool) {
	return slices.BinarySearchFunc(s.list, id, func(c *call, id uint64) int { return cmp.Compare(c.ID, id) })
}

// find returns the call of an id, nil if there is none.
func (s *calls) find(id uint64) *call {
	if at, found := s.place(id); found {
		return s.list[at]
	}
	return nil
}

// add takes in a call, unless one has its id.
func (s *calls) add(c *call) bool {
	at, taken := s.place(c.ID)
	if taken {
		return false
	}
	if len(s.list) == 0 {
		s.list = s.one[:0]
	}
	s.list = slices.Insert(s.list, at, c)
	return true
}

// remove lets go of a call that is in it.
func (s *calls) remove(c *call) {
	if at, found := s.place(c.ID); found {
		s.list = slices.Delete(s.list, at, at+1)
	}
	if len(s.list) == 0 {
		*s = calls{} // a list that has grown leaves the first one behind
	}
}
