import type { Command, Trial } from '@gatehouse/domain';
import { Operation } from '@gatehouse/platform';
import { Body, Controller, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { toApprove, toDeprecate, toEvaluate, toPromote, toRegister, toReview, toRollBack } from './commands';
import { ApproveDto, DeprecateDto, PromoteDto, PromoteQuery, ReviewDto, RollBackDto } from './decisions.dto';
import { EvaluateDto } from './evaluate.dto';
import { Exchanging, type Exchange } from './exchange';
import { ModelWrites } from './model-writes';
import type { WriteAnswer } from './on-model';
import { ModelPath, VersionPath } from './path.dto';
import { expectedPointer, refuseExpectedPointer } from './preconditions';
import { RegisterDto } from './register.dto';

/** The writes over HTTP. */
@Controller('v1/models/:model')
export class ModelsController {
  constructor(private readonly writes: ModelWrites) {}

  /** Takes in a version, or answers the one that has this manifest already. */
  @Post('versions')
  @Operation('register')
  async register(
    @Param() { model }: ModelPath,
    @Body() body: RegisterDto,
    @Exchanging() exchange: Exchange,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WriteAnswer> {
    return this.create(model, toRegister(body), exchange, reply);
  }

  /** Records one run of a suite, with the gate's verdicts. */
  @Post('versions/:n/evaluations')
  @Operation('evaluate')
  async evaluate(
    @Param() { model, n }: VersionPath,
    @Body() body: EvaluateDto,
    @Exchanging() exchange: Exchange,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WriteAnswer> {
    return this.create(model, toEvaluate(n, body), exchange, reply);
  }

  /** A named reviewer approves or rejects a version as it is evaluated now. */
  @Post('versions/:n/approvals')
  @Operation('approve')
  async approve(
    @Param() { model, n }: VersionPath,
    @Body() body: ApproveDto,
    @Exchanging() exchange: Exchange,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WriteAnswer> {
    return this.create(model, toApprove(n, body), exchange, reply);
  }

  /** Moves the live pointer to a version; or, as a dry run, says what would come of it. */
  @Post('versions/:n/promotion')
  @HttpCode(200)
  @Operation('promote')
  async promote(
    @Param() { model, n }: VersionPath,
    @Query() { dryRun }: PromoteQuery,
    @Body() body: PromoteDto,
    @Exchanging() exchange: Exchange,
  ): Promise<WriteAnswer | Trial> {
    const command = toPromote(n, body, expectedPointer(exchange.header));
    return dryRun === 'true'
      ? this.writes.tryOut(model, command, exchange)
      : this.writes.write(model, command, exchange);
  }

  /** A second person says what they think of a promotion by break-glass. */
  @Post('versions/:n/promotion/review')
  @HttpCode(200)
  @Operation('review-break-glass')
  async review(
    @Param() { model, n }: VersionPath,
    @Body() body: ReviewDto,
    @Exchanging() exchange: Exchange,
  ): Promise<WriteAnswer> {
    refuseExpectedPointer(exchange.header);
    return this.writes.write(model, toReview(n, body), exchange);
  }

  /** Moves the live pointer back. */
  @Post('rollback')
  @HttpCode(200)
  @Operation('roll-back')
  async rollBack(
    @Param() { model }: ModelPath,
    @Body() body: RollBackDto,
    @Exchanging() exchange: Exchange,
  ): Promise<WriteAnswer> {
    return this.writes.write(model, toRollBack(body, expectedPointer(exchange.header)), exchange);
  }

  /** Announces the end of a version. */
  @Post('versions/:n/deprecation')
  @HttpCode(200)
  @Operation('deprecate')
  async deprecate(
    @Param() { model, n }: VersionPath,
    @Body() body: DeprecateDto,
    @Exchanging() exchange: Exchange,
  ): Promise<WriteAnswer> {
    refuseExpectedPointer(exchange.header);
    return this.writes.write(model, toDeprecate(n, body), exchange);
  }

  /** 201 with the `Location` of the version where something was recorded, 200 where it was so already. */
  private async create(
    model: string,
    command: Command,
    exchange: Exchange,
    reply: FastifyReply,
  ): Promise<WriteAnswer> {
    refuseExpectedPointer(exchange.header);
    const answer = await this.writes.write(model, command, exchange);
    if (answer.changed)
      reply.code(201).header('location', `/v1/models/${model}/versions/${answer.version!.version}`);
    else reply.code(200);
    return answer;
  }
}
