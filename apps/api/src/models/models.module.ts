import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { ModelWrites } from './model-writes';
import { ModelsController } from './models.controller';
import { ModelsGrpc } from './models.grpc';
import { ModelsHandler } from './models.handler';

/** The write edge: both doors to the commands on models. */
@Module({
  imports: [CqrsModule],
  controllers: [ModelsController, ModelsGrpc],
  providers: [ModelsHandler, ModelWrites],
})
export class ModelsModule {}
