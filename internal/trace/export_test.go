package trace

import (
	"maps"
	"slices"
)

// Readable returns where the values stand that are not redacted.
func Readable() []string { return slices.Sorted(maps.Keys(readable)) }
