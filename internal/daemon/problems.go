package daemon

import (
	"context"
	"log/slog"

	"onemcp/internal/config"
)

// LogProblems writes each problem as one line: errors as errors, warnings as warnings.
func LogProblems(log *slog.Logger, problems config.Problems) {
	for _, p := range problems {
		level := slog.LevelError
		if p.Warning {
			level = slog.LevelWarn
		}
		log.Log(context.Background(), level, "configuration: "+p.String())
	}
}
