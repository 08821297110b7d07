package main

import (
	"io"
	"log/slog"

	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"

	"go.uber.org/zap"
)

// newLogger writes to w, one record a line. Logs carry names, positions and durations; secrets are in types that do not print.
func newLogger(w io.Writer, level zapcore.Level, console bool) *slog.Logger {
	settings := zap.NewProductionEncoderConfig()
	settings.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	settings.EncodeDuration = zapcore.StringDurationEncoder
	encoder := zapcore.NewJSONEncoder(settings)
	if console {
		encoder = zapcore.NewConsoleEncoder(settings)
	}
	return slog.New(zapslog.NewHandler(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level)))
}
