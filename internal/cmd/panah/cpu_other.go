//go:build !unix

package main

import "time"

var started = time.Now()

// cpuSeconds is the time since the process began: no less than what it computed.
func cpuSeconds() float64 { return time.Since(started).Seconds() }
