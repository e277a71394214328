package peer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/peer"
)

func TestGhosts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g peer.Ghosts
		check := func(when string, me, you bool) {
			t.Helper()
			if gotMe, gotYou := g.Haunt("me"), g.Haunt("you"); gotMe != me || gotYou != you {
				t.Errorf("%s: haunts me %t, you %t; wanted %t, %t", when, gotMe, gotYou, me, you)
			}
		}
		check("none", false, false)
		g.Add(1, nil)
		check("one of nobody's", false, false)
		g.Add(2, "you")
		g.Add(3, "you")
		check("two of yours", true, false)
		g.Answered(2)
		check("one of them answered", true, false)
		time.Sleep(30 * time.Second)
		g.Add(4, "me")
		check("one of mine too", true, true)
		time.Sleep(31 * time.Second)
		check("when yours is old", false, true)
		g.Answered(4)
		check("when mine is answered", false, false)
	})
}
