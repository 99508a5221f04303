import {
  fromValue,
  type ApproveRequest,
  type DeprecateRequest,
  type EvaluateRequest,
  type GatesResponse,
  type GetGatesRequest,
  type Manifest,
  type PromoteRequest,
  type ProtoValue,
  type RegisterRequest,
  type ReviewBreakGlassRequest,
  type RollBackRequest,
  type TryPromotionRequest,
  type TryPromotionResponse,
  type WriteResponse,
} from '@gatehouse/contracts';
import { Operation } from '@gatehouse/platform';
import type { Command } from '@gatehouse/domain';
import { Controller } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import { eventMessage, gatesMessage, liveMessage, shaped, trialMessage } from '../messages';
import { present } from '../present';
import { toApprove, toDeprecate, toEvaluate, toPromote, toRegister, toReview, toRollBack } from './commands';
import { ApproveDto, DeprecateDto, PromoteDto, ReviewDto, RollBackDto } from './decisions.dto';
import { EvaluateDto } from './evaluate.dto';
import { Exchanging, type Exchange } from './exchange';
import { ModelWrites } from './model-writes';
import { ModelPath, ModelVersion } from './path.dto';
import { expectedPointer, refuseExpectedPointer } from './preconditions';
import { RegisterDto } from './register.dto';

/** The writes over gRPC: the same DTO classes, the same commands, the same answers. */
@Controller()
export class ModelsGrpc {
  constructor(private readonly writes: ModelWrites) {}

  @GrpcMethod('Registry', 'Register')
  @Operation('register')
  async register(
    @Payload() { model, ...message }: RegisterRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<WriteResponse> {
    refuseExpectedPointer(exchange.header);
    const path = await shaped(ModelPath, { model });
    const body = await shaped(RegisterDto, {
      ...message,
      manifest: message.manifest && plainManifest(message.manifest),
    });
    return this.write(path.model, toRegister(body), exchange);
  }

  @GrpcMethod('Registry', 'Evaluate')
  @Operation('evaluate')
  async evaluate(
    @Payload() { model, version, ...message }: EvaluateRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<WriteResponse> {
    refuseExpectedPointer(exchange.header);
    const path = await shaped(ModelVersion, { model, version });
    // A map that is empty does not travel: it is the empty map.
    const body = await shaped(EvaluateDto, { ...message, metrics: message.metrics ?? {} });
    return this.write(path.model, toEvaluate(path.version, body), exchange);
  }

  @GrpcMethod('Registry', 'Approve')
  @Operation('approve')
  async approve(
    @Payload() { model, version, ...message }: ApproveRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<WriteResponse> {
    refuseExpectedPointer(exchange.header);
    const path = await shaped(ModelVersion, { model, version });
    return this.write(path.model, toApprove(path.version, await shaped(ApproveDto, message)), exchange);
  }

  @GrpcMethod('Registry', 'Promote')
  @Operation('promote')
  async promote(
    @Payload() { model, version, ...message }: PromoteRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<WriteResponse> {
    const path = await shaped(ModelVersion, { model, version });
    const body = await shaped(PromoteDto, message);
    return this.write(path.model, toPromote(path.version, body, expectedPointer(exchange.header)), exchange);
  }

  @GrpcMethod('Registry', 'RollBack')
  @Operation('roll-back')
  async rollBack(
    @Payload() { model, ...message }: RollBackRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<WriteResponse> {
    const path = await shaped(ModelPath, { model });
    const body = await shaped(RollBackDto, { ...message, from: numberOrDigest(message.from) });
    return this.write(path.model, toRollBack(body, expectedPointer(exchange.header)), exchange);
  }

  @GrpcMethod('Registry', 'Deprecate')
  @Operation('deprecate')
  async deprecate(
    @Payload() { model, version, ...message }: DeprecateRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<WriteResponse> {
    refuseExpectedPointer(exchange.header);
    const path = await shaped(ModelVersion, { model, version });
    return this.write(path.model, toDeprecate(path.version, await shaped(DeprecateDto, message)), exchange);
  }

  @GrpcMethod('Registry', 'ReviewBreakGlass')
  @Operation('review-break-glass')
  async review(
    @Payload() { model, version, ...message }: ReviewBreakGlassRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<WriteResponse> {
    refuseExpectedPointer(exchange.header);
    const path = await shaped(ModelVersion, { model, version });
    return this.write(path.model, toReview(path.version, await shaped(ReviewDto, message)), exchange);
  }

  @GrpcMethod('Registry', 'TryPromotion')
  @Operation('promote')
  async tryPromotion(
    @Payload() { model, version, ...message }: TryPromotionRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<TryPromotionResponse> {
    const path = await shaped(ModelVersion, { model, version });
    const body = await shaped(PromoteDto, message);
    const command = toPromote(path.version, body, expectedPointer(exchange.header));
    return trialMessage(await this.writes.tryOut(path.model, command, exchange));
  }

  @GrpcMethod('Registry', 'GetGates')
  @Operation('read')
  async gates(
    @Payload() { model, version }: GetGatesRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<GatesResponse> {
    const path = await shaped(ModelVersion, { model, version });
    return gatesMessage(await this.writes.gates(path.model, path.version, exchange));
  }

  private async write(model: string, command: Command, exchange: Exchange): Promise<WriteResponse> {
    const { version, live, event, ...answer } = await this.writes.write(model, command, exchange);
    return {
      ...answer,
      version: version ? present(version) : undefined,
      live: liveMessage(live),
      event: event ? eventMessage(event) : undefined,
    };
  }
}

/** Free JSON travels as a Value; the rest is what it says. */
function plainManifest(manifest: Manifest): object {
  const plain: Record<string, unknown> = { ...manifest };
  for (const member of ['config', 'prompt', 'retrieval'] as const) {
    const value = manifest[member] as ProtoValue | undefined;
    if (value !== undefined) plain[member] = fromValue(value);
  }
  return plain;
}

/** A version's number in decimal is the number; anything else is left for the DTO to judge. */
function numberOrDigest(from: string | undefined): string | number | undefined {
  return from !== undefined && /^[1-9]\d{0,15}$/.test(from) ? Number(from) : from;
}
