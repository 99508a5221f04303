/** What the names of our streams may begin with on the server. */
export const STREAM_PREFIX = /^[A-Za-z][A-Za-z0-9_.-]{0,62}[_.-]$/;
export const STREAM_PREFIX_MEANS =
  'must begin with a letter, end with -, _ or . and have at most 64 letters, digits, -, _ and .';
