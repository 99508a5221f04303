import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { AccessController } from './access.controller';
import { AccessHandler } from './access.handler';
import { AccessReads } from './access-reads';
import { AccessWrites } from './access-writes';
import { FirstStart } from './first-start';
import { TenantsController } from './tenants.controller';

/** Who may do what, and which tenants there are. */
@Module({
  imports: [CqrsModule],
  controllers: [AccessController, TenantsController],
  providers: [AccessHandler, AccessReads, AccessWrites, FirstStart],
})
export class AccessModule {}
