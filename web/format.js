// Numbers, money and times as people read them.

const whole = new Intl.NumberFormat('en', {maximumFractionDigits: 0});
const tenth = new Intl.NumberFormat('en', {maximumFractionDigits: 1});
const amount = new Intl.NumberFormat('en', {
  minimumFractionDigits: 2, maximumFractionDigits: 2});
const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit', minute: '2-digit', second: '2-digit'});
const day = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric', month: 'short', year: 'numeric'});

export const NONE = '–';

export function count(value) {
  return value == null ? NONE : whole.format(value);
}

export function rate(perSecond) {
  if (perSecond == null) return NONE;
  return (perSecond < 10 ? tenth : whole).format(perSecond);
}

// The same where there is little room: "1.7k".
const brief = new Intl.NumberFormat('en', {
  notation: 'compact', maximumFractionDigits: 1});

export function short(value) {
  if (value == null || value < 1000) return rate(value);
  return brief.format(value).replace('K', 'k');
}

export function money(value, currency) {
  if (value == null) return NONE;
  return currency ? `${amount.format(value)} ${currency}`
    : amount.format(value);
}

// From milliseconds: "0.8 ms", "12 ms", "1.4 s", "3 min 5 s", "2 h 10 min".
export function span(ms) {
  if (ms == null || Number.isNaN(ms)) return NONE;
  if (ms < 0) return '0 ms';
  if (ms < 10) return `${tenth.format(ms)} ms`;
  if (ms < 1000) return `${whole.format(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${tenth.format(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 172800) {
    return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
  }
  return `${Math.floor(s / 86400)} days`;
}

export function bytes(value) {
  if (value == null) return NONE;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at++;
  }
  return `${(value < 10 && at > 0 ? tenth : whole).format(value)} ${units[at]}`;
}

// "14:05:07", with milliseconds if wanted; the day too if it is not today.
export function time(iso, withMs = false) {
  const when = new Date(iso);
  if (Number.isNaN(when.getTime())) return NONE;
  let said = clock.format(when);
  if (withMs) said += `.${String(when.getMilliseconds()).padStart(3, '0')}`;
  if (when.toDateString() !== new Date().toDateString()) {
    said = `${day.format(when)}, ${said}`;
  }
  return said;
}

export function between(from, to) {
  return new Date(to) - new Date(from);
}
