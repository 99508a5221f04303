export type { Message, Publisher } from './publisher';
