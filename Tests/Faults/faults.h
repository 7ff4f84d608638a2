#pragma once

// The outcome of a call.
enum outcome { PROCEED, FAIL, SHORTEN, FLIP };

// Records an event and injects the planned fault; when is "before" or "after" the call. Sets errno if the call fails.
enum outcome faults_event(const char *event, const char *when);

// Records that the time of day was read.
void faults_note_clock(void);
