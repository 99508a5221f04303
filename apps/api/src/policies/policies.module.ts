import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { PoliciesController } from './policies.controller';
import { PoliciesGrpc } from './policies.grpc';
import { PoliciesHandler } from './policies.handler';
import { PoliciesInForce } from './policies-in-force';
import { PolicyWrites } from './policy-writes';
import { TrialsController } from './trials.controller';

/** Policies: written, read, and asked which of them governs. */
@Module({
  imports: [CqrsModule],
  controllers: [TrialsController, PoliciesController, PoliciesGrpc],
  providers: [PolicyWrites, PoliciesHandler, PoliciesInForce],
  exports: [PoliciesInForce],
})
export class PoliciesModule {}
