/*
 * daemon.h - what a process owes its supervisor: lock, signals, readiness
 *
 * A process runs in the foreground, logs to stderr, and tells that it can
 * serve by one message: a line "ready\n" on the descriptor whose number is in
 * the environment variable READY_FD (then closed), and sd_notify(READY=1)
 * where NOTIFY_SOCKET is set.  A participant is ready before its first word
 * with the broker, which may be down; when that has let it in, it tells by a
 * line "joined\n" on the descriptor of JOINED_FD (then closed).  SIGTERM and
 * SIGINT ask it to stop; a second one stops it at once.  SIGPIPE is ignored.
 */
#ifndef SAGA_DAEMON_H
#define SAGA_DAEMON_H

#include "saga/config.h"

/*
 * Makes HOME, HOME/run, HOME/data, HOME/data/NAME where missing (mode 0700,
 * umask 077, or 0750/007 if home's mode already allows the group), takes an
 * exclusive lock on HOME/data/NAME/lock and keeps it until the process ends,
 * and writes our pid into it.  Exits EXIT_USAGE with one clear line if a
 * directory cannot be made or written, or another process (named by its pid)
 * holds the store; then nothing was changed.
 */
void daemon_lock(const struct config *config);

/* "HOME/data/NAME", after daemon_lock(). */
const char *daemon_data_directory(void);

/*
 * When daemon_lock() was called, microseconds since 1970; and how many lives
 * of this process at this home ended without having been asked to stop.  The
 * count stands in HOME/run/NAME.life ("7 running"): whoever finds "running"
 * there counts one more.  It is a help for people: it is not synced, and what
 * can't be read or written is taken as 0.
 */
int64_t daemon_started_us(void);
uint64_t daemon_restarts(void);

/*
 * Blocks SIGTERM, SIGINT and SIGHUP in this and all later threads, ignores
 * SIGPIPE, and gives the descriptor on which they are read (signalfd,
 * non-blocking).  Call before any thread starts (ZeroMQ and the store start
 * some).  Exits EXIT_SYSTEM if it can't.
 */
int daemon_signals(void);

/*
 * true: this thread and those that it starts do not interrupt others when they
 * wake up, so that their inputs gather while both processors are busy, and a
 * turn, with its flush, is made for more of them; an idle processor takes them
 * at once.  false: they react as all processes do.  A hint: never fails.
 */
void daemon_gathers(bool gathers);

/* Reads the descriptor; true if the process was asked to stop.  The second
 * time that it was asked, it ends at once (exit EXIT_DONE). */
bool daemon_stop_asked(int signal_fd);

/* Says "ready", once.  Also removes nothing and never fails: a supervisor
 * that went away is logged. */
void daemon_ready(void);

/* Says "joined", once: our store and the broker's agree.  Never fails. */
void daemon_joined(void);

/* Tells systemd that we are stopping, and a status line for `systemctl
 * status`.  No effect elsewhere. */
void daemon_stopping(void);
/* Pings systemd's watchdog if it is on and it is time; cheap, call per turn.
 * now_us of either clock: if it was set back, the ping is sent at once. */
void daemon_alive(int64_t now_us);

/* Microseconds since 1970 (what events carry) and since some start, never
 * going back (what waits are measured with). */
int64_t clock_now_us(void);
int64_t clock_monotonic_us(void);

#endif
