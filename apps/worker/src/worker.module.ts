import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { CallerGuard, SystemController } from '@gatehouse/platform';

/** The followers that run once in a cluster, and the routes for the machines that watch them. It has no views. */
@Module({
  controllers: [SystemController],
  providers: [{ provide: APP_GUARD, useExisting: CallerGuard }],
})
export class WorkerModule {}
