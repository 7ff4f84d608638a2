#pragma once

// What becomes of a call.
enum outcome { PROCEED, FAIL, SHORTEN, FLIP };

// Notes an event and does what the plan has for it; when is "before" or "after" the call. Sets errno where it fails.
enum outcome faults_event(const char *event, const char *when);

// Notes that somebody has asked for the time of day.
void faults_note_clock(void);
