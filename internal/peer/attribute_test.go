package peer_test

import (
	"maps"
	"testing"

	"onemcp/internal/peer"
)

type attributed peer.Attribution

func (a *attributed) Attribution() peer.Attribution { return peer.Attribution(*a) }

func TestOnlyASoleOwnerIsNamed(t *testing.T) {
	t.Parallel()
	ada, bob := any("ada"), any("bob")
	for _, tt := range []struct {
		name  string
		calls []attributed // by id, from 0 on
		gone  any          // the owner of a call that was given up
		want  int          // -1: nobody
	}{
		{"nothing is in flight", nil, nil, -1},
		{"one call", []attributed{{Owner: ada, Serial: 1}}, nil, 0},
		{"the oldest of one owner's", []attributed{{Owner: ada, Serial: 3}, {Owner: ada, Serial: 1}, {Owner: ada, Serial: 2}}, nil, 1},
		{"two owners", []attributed{{Owner: ada, Serial: 1}, {Owner: bob, Serial: 2}}, nil, -1},
		{"calls of nobody", []attributed{{Serial: 1}, {Owner: ada, Serial: 2}, {Serial: 3}}, nil, 1},
		{"calls of nobody alone", []attributed{{Serial: 1}}, nil, -1},
		{"another's subscription", []attributed{{Owner: bob, Serial: 1, Listen: true}, {Owner: ada, Serial: 2}}, nil, 1},
		{"another's call that was given up", []attributed{{Owner: ada, Serial: 1}}, bob, -1},
		{"a call of its own that was given up", []attributed{{Owner: ada, Serial: 1}}, ada, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			calls := make(map[uint64]*attributed)
			for i := range tt.calls {
				calls[uint64(i)] = &tt.calls[i]
			}
			var ghosts peer.Ghosts
			ghosts.Add(99, tt.gone)
			var want *attributed
			if tt.want >= 0 {
				want = &tt.calls[tt.want]
			}
			if got := peer.SoleOwner(maps.Values(calls), &ghosts); got != want {
				t.Errorf("got %v, wanted %v", got, want)
			}
		})
	}
}
