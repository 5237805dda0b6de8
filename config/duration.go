package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// ParseDuration reads a duration of Go, such as "90s" or "1h30m", that may begin with whole days
// of 24 hours: "30d", "1d12h". A sign is an error.
func ParseDuration(s string) (time.Duration, error) {
	malformed := fmt.Errorf("%q is no duration such as 90s, 1h30m or 30d", s)
	if strings.ContainsAny(s, "+-") {
		return 0, malformed
	}
	days, clock, found := strings.Cut(s, "d")
	if !found {
		days, clock = "0", s
	} else if clock == "" {
		clock = "0s"
	}
	n, err := strconv.ParseInt(days, 10, 64)
	if err != nil || n > int64(math.MaxInt64/day) {
		return 0, malformed
	}
	rest, err := time.ParseDuration(clock)
	if err != nil || rest > math.MaxInt64-time.Duration(n)*day {
		return 0, malformed
	}
	return time.Duration(n)*day + rest, nil
}

// FormatDuration writes what ParseDuration reads, in days where d is a number of them, and without
// the zeros that time.Duration.String ends in: "30d", "2m".
func FormatDuration(d time.Duration) string {
	if d != 0 && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
