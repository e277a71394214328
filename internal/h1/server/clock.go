package server

import (
	"net/http"
	"sync/atomic"
	"time"
)

// clock tells the time as Date headers have it, which changes once a second. The zero value is ready.
type clock struct{ now atomic.Pointer[second] }

type second struct {
	unix int64
	text string
}

func (c *clock) text() string {
	unix := time.Now().Unix()
	if s := c.now.Load(); s != nil && s.unix == unix {
		return s.text
	}
	s := &second{unix, time.Unix(unix, 0).UTC().Format(http.TimeFormat)}
	c.now.Store(s)
	return s.text
}
