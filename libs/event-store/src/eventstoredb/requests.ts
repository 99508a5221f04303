import { Empty, StreamIdentifier, UUID } from '@eventstore/db-client/generated/shared_pb';
import { AppendReq, ReadReq } from '@eventstore/db-client/generated/streams_pb';
import type { EventBytes } from './envelope';
import { metadataOf } from './limited';

const { Options } = ReadReq;

/** The events that the server looks at before it says how far it is, while none of them is ours. */
const CHECKPOINT_EVERY = 1_000;

/** A stream from a revision on. */
export function streamPage(stream: string, from: bigint, count: number): ReadReq {
  const options = new Options.StreamOptions().setStreamIdentifier(identifier(stream));
  options.setRevision(String(from));
  return request(new Options().setStream(options).setCount(String(count)).setNoFilter(new Empty()));
}

/** The last event of a stream. */
export function streamLast(stream: string): ReadReq {
  const options = new Options.StreamOptions().setStreamIdentifier(identifier(stream)).setEnd(new Empty());
  const read = new Options().setStream(options).setNoFilter(new Empty()).setCount('1');
  return request(read.setReadDirection(Options.ReadDirection.BACKWARDS));
}

/** A stream behind a revision (-1n: from its beginning), on and on. */
export function streamSubscription(stream: string, after: bigint): ReadReq {
  const options = new Options.StreamOptions().setStreamIdentifier(identifier(stream));
  if (after < 0n) options.setStart(new Empty());
  else options.setRevision(String(after));
  const read = new Options().setStream(options).setNoFilter(new Empty());
  return request(read.setSubscription(new Options.SubscriptionOptions()));
}

/** `$all` from a position on (inclusive), only streams whose names begin so. */
export function allPage(from: bigint, prefix: string, count: number): ReadReq {
  return request(filtered(new Options().setAll(allFrom(from)), [prefix]).setCount(String(count)));
}

/** The end of `$all`, backwards, only streams whose names begin so. */
export function allBackwards(prefix: string, count: number): ReadReq {
  const options = new Options().setAll(new Options.AllOptions().setEnd(new Empty()));
  options.setReadDirection(Options.ReadDirection.BACKWARDS);
  return request(filtered(options, [prefix]).setCount(String(count)));
}

/** The last event of `$all`, whoever's it is. */
export function allLast(): ReadReq {
  const options = new Options().setAll(new Options.AllOptions().setEnd(new Empty()));
  options.setReadDirection(Options.ReadDirection.BACKWARDS);
  return request(options.setNoFilter(new Empty()).setCount('1'));
}

/** `$all` after a position (exclusive), on and on, only streams whose names begin so, and their metadata. */
export function allSubscription(after: bigint, prefix: string): ReadReq {
  const options = filtered(new Options().setAll(allFrom(after)), [prefix, metadataOf(prefix)]);
  return request(options.setSubscription(new Options.SubscriptionOptions()));
}

/** What one append sends: first where, then each event. `expected` is a revision, -1n for no stream; there is no "any". */
export function appendMessages(stream: string, expected: bigint, events: readonly EventBytes[]): AppendReq[] {
  const options = new AppendReq.Options().setStreamIdentifier(identifier(stream));
  if (expected < 0n) options.setNoStream(new Empty());
  else options.setRevision(String(expected));
  return [new AppendReq().setOptions(options), ...events.map(proposal)];
}

function proposal({ wireId, type, data, metadata }: EventBytes): AppendReq {
  const message = new AppendReq.ProposedMessage().setId(new UUID().setString(wireId));
  message.setData(data).setCustomMetadata(metadata);
  message.getMetadataMap().set('type', type).set('content-type', 'application/json');
  return new AppendReq().setProposedMessage(message);
}

function request(options: ReadReq.Options): ReadReq {
  options.setUuidOption(new Options.UUIDOption().setString(new Empty()));
  return new ReadReq().setOptions(options.setResolveLinks(false));
}

function allFrom(position: bigint): ReadReq.Options.AllOptions {
  const options = new Options.AllOptions();
  if (position <= 0n) return options.setStart(new Empty());
  const at = String(position);
  return options.setPosition(new Options.Position().setCommitPosition(at).setPreparePosition(at));
}

function filtered(options: ReadReq.Options, prefixes: string[]): ReadReq.Options {
  const names = new Options.FilterOptions.Expression().setPrefixList(prefixes);
  const filter = new Options.FilterOptions().setStreamIdentifier(names);
  return options.setFilter(filter.setMax(CHECKPOINT_EVERY).setCheckpointintervalmultiplier(1));
}

function identifier(stream: string): StreamIdentifier {
  return new StreamIdentifier().setStreamName(Buffer.from(stream, 'utf8'));
}
