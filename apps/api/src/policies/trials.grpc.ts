import {
  toValue,
  type BacktestPolicyRequest,
  type BacktestPolicyResponse,
  type CaseResult as CaseResultMessage,
  type TestPolicyRequest,
  type TestPolicyResponse,
} from '@gatehouse/contracts';
import { Operation } from '@gatehouse/platform';
import { parseYaml, readPolicy, type CaseResult } from '@gatehouse/policy';
import { Controller } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import { ruleMessage, shaped } from '../messages';
import { Exchanging, type Exchange } from '../models/exchange';
import { StillAdmitted } from '../access/still-admitted';
import { Leaving } from '../reads/leaving';
import type { BacktestLine } from './backtest';
import { PublishPolicyDto } from './policies.dto';
import { Trials } from './trials';

/** Drafts of policies over gRPC, tried out. */
@Controller()
export class TrialsGrpc {
  constructor(
    private readonly trials: Trials,
    private readonly admitted: StillAdmitted,
  ) {}

  @GrpcMethod('Policies', 'TestPolicy')
  @Operation('try-policy')
  async test(
    @Payload() message: TestPolicyRequest,
    @Exchanging() exchange: Exchange,
    @Leaving() left: AbortController,
  ): Promise<TestPolicyResponse> {
    const { document } = await shaped(PublishPolicyDto, message);
    const { items, ...counts } = await this.trials.test(parseYaml(document), exchange, left);
    return { ...counts, items: items.map(resultMessage) };
  }

  @GrpcMethod('Policies', 'BacktestPolicy')
  @Operation('try-policy')
  async backtest(
    @Payload() message: BacktestPolicyRequest,
    @Exchanging() exchange: Exchange,
    @Leaving() left: AbortController,
  ): Promise<AsyncIterable<BacktestPolicyResponse>> {
    const { document } = await shaped(PublishPolicyDto, message);
    const lines = await this.trials.backtest(readPolicy(document), exchange.caller.tenant, left);
    this.admitted.watch(exchange, 'try-policy', undefined, left);
    return told(lines);
  }
}

async function* told(lines: AsyncIterable<BacktestLine>): AsyncGenerator<BacktestPolicyResponse, void> {
  for await (const line of lines) {
    const { type, ...rest } = line;
    if ('gate' in rest)
      yield { refused: { ...rest, gate: rest.gate.map(ruleMessage), missing: [...rest.missing] } };
    else yield type === 'done' ? { done: rest } : { progress: rest };
  }
}

function resultMessage({ differences, rules, ...result }: CaseResult): CaseResultMessage {
  return {
    ...result,
    differences: differences.map(({ what, expected, got }) => ({
      what,
      expected: toValue(expected),
      got: toValue(got),
    })),
    rules: rules.map(ruleMessage),
  };
}
