// What the page asks of the gateway: the token, refusals, pages of a list.

const TOKEN = 'sagapipe-token';

let tokenNeeded = () => {};

export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `status ${status}`);
    this.status = status;
    this.problem = problem;
    this.type = (problem.type || '').replace('/problems/', '');
  }
}

// told: called when the gateway wants a token, or another one.
export function onTokenNeeded(told) {
  tokenNeeded = told;
}

export function setToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

function headersFor(more) {
  const token = sessionStorage.getItem(TOKEN);
  return token ? {...more, Authorization: `Bearer ${token}`} : {...more};
}

async function problemOf(response) {
  try {
    return await response.json();
  } catch {
    return {title: response.statusText};
  }
}

// Answers the response, or throws a Refusal; TypeError if nobody answered.
export async function ask(method, path, {body, headers, signal} = {}) {
  const sent = headersFor(headers);
  if (body !== undefined) sent['Content-Type'] = 'application/json';
  const response = await fetch(path, {
    method, signal, headers: sent, cache: 'no-store',
    body: body === undefined ? undefined : JSON.stringify(body)});
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (response.status === 401) {
    tokenNeeded(Boolean(sent.Authorization));
  }
  throw new Refusal(response.status, problem);
}

export async function get(path, signal) {
  return (await ask('GET', path, {signal})).json();
}

// One page of a list, and the path of the next one or null.
export async function page(path, signal) {
  const response = await ask('GET', path, {signal});
  const link = /<([^>]*)>;\s*rel="next"/.exec(
    response.headers.get('Link') || '');
  return {rows: await response.json(), next: link && link[1]};
}

export async function send(method, path, body, headers) {
  const response = await ask(method, path, {body, headers});
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

// A key under which an order is placed once, however often it is sent.
export function newKey() {
  const octets = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(octets, (o) => o.toString(16).padStart(2, '0')).join('');
}

// What went wrong, in a sentence.
export function sentence(error) {
  if (error instanceof Refusal) {
    const title = error.problem.title || 'The gateway refused';
    const detail = error.problem.detail;
    return detail && detail !== title ? `${title}: ${detail}.` : `${title}.`;
  }
  return 'The gateway does not answer.';
}
