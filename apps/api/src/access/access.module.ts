import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { AccessController } from './access.controller';
import { AccessGrpc } from './access.grpc';
import { AccessHandler } from './access.handler';
import { AccessReads } from './access-reads';
import { AccessWrites } from './access-writes';
import { FirstStart } from './first-start';
import { TenantsController } from './tenants.controller';
import { TenantsGrpc } from './tenants.grpc';

/** Who may do what, and which tenants there are. */
@Module({
  imports: [CqrsModule],
  controllers: [AccessController, TenantsController, AccessGrpc, TenantsGrpc],
  providers: [AccessHandler, AccessReads, AccessWrites, FirstStart],
})
export class AccessModule {}
