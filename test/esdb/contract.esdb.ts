import { esdbContract } from '../../libs/event-store/src/testing/esdb-contract';

esdbContract('EventStoreDbEventStore at ESDB_URL', () => process.env['ESDB_URL']!);
