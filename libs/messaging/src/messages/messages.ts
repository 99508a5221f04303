import type { Message } from '../publisher';
import { dataScience } from './data-science';
import { engineering } from './engineering';
import { envelop, type Envelope, type Source } from './envelope';
import { lifecycle } from './lifecycle';
import { product } from './product';
import type { Told } from './told';

/** Everything that is sent of one event. Pure: the same event and what it points at make the same bytes. */
export function messagesOf(source: Source, told: Told | null, envelope: Envelope): Message[] {
  const messages = [envelop(source, 'lifecycle', lifecycle(source), envelope)];
  if (told === null) return messages;
  messages.push(envelop(source, 'data-science', dataScience(told), envelope));
  const forEngineering = engineering(told);
  if (forEngineering) messages.push(envelop(source, 'engineering', forEngineering, envelope));
  const forProduct = product(told);
  if (forProduct) messages.push(envelop(source, 'product', forProduct, envelope));
  return messages;
}
