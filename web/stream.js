// Server-sent events over fetch: unlike EventSource it sends the token, and
// tells why it ended.

import {ask} from './api.js';

// Cuts a text/event-stream into {id, event, data}.
export class EventReader {
  constructor() {
    this.rest = '';
    this.clear();
  }

  clear() {
    this.event = 'message';
    this.data = [];
  }

  line(line, out) {
    if (line === '') {
      if (this.data.length > 0) {
        out.push({id: this.id, event: this.event, data: this.data.join('\n')});
      }
      this.clear();
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.event = value;
    else if (name === 'data') this.data.push(value);
    else if (name === 'id') this.id = value;
  }

  // The events that are complete with this piece of text.
  read(text) {
    const out = [];
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop();
    for (const line of lines) this.line(line, out);
    return out;
  }
}

// Opens a stream and hands every piece's events to on(events); returns when
// the other side ended it.  Throws as ask() does.
export async function follow(path, {signal, lastId, on, opened}) {
  const headers = {Accept: 'text/event-stream'};
  if (lastId) headers['Last-Event-ID'] = lastId;
  const response = await ask('GET', path, {headers, signal});
  if (opened) opened();
  const pieces = response.body.pipeThrough(new TextDecoderStream())
    .getReader();
  const reader = new EventReader();
  for (;;) {
    const {done, value} = await pieces.read();
    if (done) return;
    const events = reader.read(value);
    if (events.length > 0) on(events);
  }
}
