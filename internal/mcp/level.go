package mcp

import "slices"

var levelNames = [...]string{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}

// Level is a log level of the protocol; higher is more severe. NoLevel means none was set.
type Level int8

// NoLevel stands for a level nobody has set.
const NoLevel Level = -1

// LevelOf returns the level of a name; ok is false if there is none of that name.
func LevelOf(name string) (l Level, ok bool) {
	i := slices.Index(levelNames[:], name)
	return Level(i), i >= 0
}

// String returns the level's name, "" of NoLevel.
func (l Level) String() string {
	if l < 0 || int(l) >= len(levelNames) {
		return ""
	}
	return levelNames[l]
}
