// What a histogram's counters say of the time between two looks at them.

// Rows as GET /status tells them: {ms, ended}, how many took no longer; from
// the shortest up.
function counts(sagas) {
  let before = 0;
  const rows = sagas.within.map(({ms, ended}) => {
    const count = ended - before;
    before = ended;
    return {ms, count};
  });
  rows.push({ms: null, count: sagas.ended - before});
  return rows;
}

// Within how many milliseconds that share ended, of all that ended between the
// two: as if those of a row were spread evenly over it.  Null if none ended, or
// the counters began anew.
export function quantile(before, now, share) {
  const ended = now.ended - before.ended;
  if (ended <= 0) return null;
  const earlier = counts(before);
  let from = 0;
  let wanted = share * ended;
  for (const [at, {ms, count}] of counts(now).entries()) {
    const more = count - earlier[at].count;
    if (more > 0 && wanted <= more) {
      return ms === null ? from : from + wanted / more * (ms - from);
    }
    wanted -= more;
    from = ms;
  }
  return from;
}
