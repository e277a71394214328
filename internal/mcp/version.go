package mcp

import (
	"cmp"
	"slices"
)

// Era is one of the two families of protocol versions.
type Era uint8

// The eras. NoEra means not yet known.
const (
	NoEra  Era = iota
	Legacy     // 2024-11-05 to 2025-11-25: initialize, sessions, server requests
	Modern     // 2026-07-28: every request stands alone
)

// String returns the era's name as it stands in logs and settings.
func (e Era) String() string {
	switch e {
	case Legacy:
		return "legacy"
	case Modern:
		return "modern"
	}
	return "unknown"
}

// The protocol versions.
const (
	Version20241105 = "2024-11-05"
	Version20250326 = "2025-03-26"
	Version20250618 = "2025-06-18"
	Version20251125 = "2025-11-25"
	Version20260728 = "2026-07-28"

	LatestLegacy = Version20251125
	LatestModern = Version20260728
)

// Versions returns all versions we speak, newest first.
func Versions() []string {
	return []string{Version20260728, Version20251125, Version20250618, Version20250326, Version20241105}
}

// EraOf returns the era of a version we speak, NoEra of any other.
func EraOf(version string) Era {
	switch version {
	case Version20241105, Version20250326, Version20250618, Version20251125:
		return Legacy
	case Version20260728:
		return Modern
	}
	return NoEra
}

// LooksModern reports whether version is a date of the modern era, known or not.
func LooksModern(version string) bool {
	return len(version) == len(LatestModern) && version > LatestLegacy && version[4] == '-' && version[7] == '-'
}

// NegotiateLegacy returns what an initialize for the wanted version is answered with: that
// version if it is a legacy one we speak, else our newest legacy one. It is a text of our own, not a part of a message.
func NegotiateLegacy(wanted string) string {
	return cmp.Or(BestOf(Legacy, []string{wanted}), LatestLegacy)
}

// BestOf returns the newest version of an era that a backend's list and ours share, "" if none.
func BestOf(era Era, supported []string) string {
	for _, v := range Versions() {
		if EraOf(v) == era && slices.Contains(supported, v) {
			return v
		}
	}
	return ""
}
