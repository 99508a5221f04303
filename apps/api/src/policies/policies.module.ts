import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { ReadsModule } from '../reads/reads.module';
import { PoliciesController } from './policies.controller';
import { PoliciesGrpc } from './policies.grpc';
import { PoliciesHandler } from './policies.handler';
import { PoliciesInForce } from './policies-in-force';
import { PolicyWrites } from './policy-writes';
import { PolicyReads } from './policy-reads';
import { TrialsController } from './trials.controller';
import { TrialsGrpc } from './trials.grpc';
import { Trials } from './trials';

/** Policies: written, read, and asked which of them governs. */
@Module({
  imports: [CqrsModule, ReadsModule],
  controllers: [TrialsController, PoliciesController, PoliciesGrpc, TrialsGrpc],
  providers: [PolicyWrites, PolicyReads, Trials, PoliciesHandler, PoliciesInForce],
  exports: [PoliciesInForce],
})
export class PoliciesModule {}
