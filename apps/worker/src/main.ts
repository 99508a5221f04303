import 'reflect-metadata';
import { runService } from '@gatehouse/platform';
import { startWorker } from './worker';

void runService(startWorker);
