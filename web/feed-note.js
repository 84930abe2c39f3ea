// How a list is kept up to date, in a word beside its heading.

import {h, say, mark} from './dom.js';
import {paused} from './shared.js';

const WORDS = {
  live: ['live', 'Changes show as they happen; of very many, the newest'],
  sampled: ['sampled', 'More changes than this page can follow: it looks ' +
    'once a second'],
  wait: ['connecting', 'Not connected; it is tried again'],
};

export function feedNote(feed) {
  const node = h('span', {class: 'feed-note'});
  return {node, draw: () => {
    const [word, title] = paused.now
      ? ['paused', 'Press Pause again, or p, to go on'] : WORDS[feed.state];
    say(node, word);
    mark(node, 'title', title);
    mark(node, 'data-state', paused.now ? 'paused' : feed.state);
  }};
}
