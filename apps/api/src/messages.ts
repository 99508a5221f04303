import { checkJson, JsonRefused } from '@gatehouse/canonical';
import {
  toStruct,
  toValue,
  type Event,
  type GatesResponse,
  type Live,
  type Rule as RuleMessage,
  type TryPromotionResponse,
} from '@gatehouse/contracts';
import type { Gates, Rule, Trial } from '@gatehouse/domain';
import type { Live as LiveResource, PublicEvent } from '@gatehouse/projections';
import type { Type } from '@nestjs/common';
import { present } from './present';
import { validation } from './validation';

// From the resources of HTTP to the messages of gRPC: what is null there is absent here, free JSON is a Struct.

export function liveMessage(live: LiveResource): Live {
  const { current, previous, rollbackTarget, by, why, since, ...rest } = live;
  return {
    ...rest,
    since: since ?? undefined,
    current: current ? present(current) : undefined,
    previous: previous ? present(previous) : undefined,
    rollbackTarget: rollbackTarget ? present(rollbackTarget) : undefined,
    by: by ?? undefined,
    why: why ? present(why) : undefined,
  };
}

export function eventMessage({ data, ...event }: PublicEvent): Event {
  return { ...present(event), data: toStruct(data) };
}

export function ruleMessage({ required, observed, ...rule }: Rule): RuleMessage {
  return { ...rule, required: toValue(required), observed: toValue(observed) };
}

export function gatesMessage({ policy, missing, ...gates }: Gates): GatesResponse {
  const { register, staging, production, approvals } = gates;
  return {
    policy,
    register: register.map(ruleMessage),
    staging: staging.map(ruleMessage),
    production: production.map(ruleMessage),
    approvals: approvals.map(ruleMessage),
    missing: [...missing],
  };
}

export function trialMessage({ allowed, changes, code, detail, ...gates }: Trial): TryPromotionResponse {
  return { gates: gatesMessage(gates), allowed, changes, ...present({ code, detail }) };
}

/** A message as its DTO class, judged as a JSON body would be. */
export async function shaped<T extends object>(dto: Type<T>, message: object): Promise<T> {
  const problem = checkJson(message);
  if (problem) throw new JsonRefused(problem.pointer, problem.message);
  return (await validation.transform(message, { type: 'body', metatype: dto })) as T;
}
