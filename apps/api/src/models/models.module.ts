import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { PoliciesModule } from '../policies/policies.module';
import { Capacities } from './capacities';
import { GatesController } from './gates.controller';
import { ModelWrites } from './model-writes';
import { ModelsController } from './models.controller';
import { ModelsGrpc } from './models.grpc';
import { ModelsHandler } from './models.handler';

/** The write edge: both doors to the commands on models. */
@Module({
  imports: [CqrsModule, PoliciesModule],
  controllers: [ModelsController, GatesController, ModelsGrpc],
  providers: [Capacities, ModelsHandler, ModelWrites],
})
export class ModelsModule {}
