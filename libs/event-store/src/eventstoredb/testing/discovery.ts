import { randomUUID } from 'node:crypto';
import { ClusterInfo, EndPoint, MemberInfo } from '@eventstore/db-client/generated/gossip_pb';
import { SupportedMethod, SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb';
import { type Empty, UUID } from '@eventstore/db-client/generated/shared_pb';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { beforehand, deal } from './blow';
import type { Node } from './node';
import { rpc } from './status';

const STREAMS = 'event_store.client.streams.Streams';

/** Says the version and which methods there are: clients choose between the two appends by it. */
export function featuresHandler(node: Node): handleUnaryCall<Empty, SupportedMethods> {
  return (call, answer) => {
    const blow = beforehand(node, node.faults.draw('features'));
    if (blow) return deal(node, call, blow, answer);
    if (!node.tellsFeatures) return answer(rpc.unimplemented());
    const names = ['append', 'batchappend', 'delete', 'read', 'tombstone'];
    const methods = names.map((name) =>
      new SupportedMethod().setServiceName(STREAMS.toLowerCase()).setMethodName(name),
    );
    answer(null, new SupportedMethods().setEventStoreServerVersion(node.version).setMethodsList(methods));
  };
}

/** Says who is in the cluster. */
export function gossipHandler(node: Node): handleUnaryCall<Empty, ClusterInfo> {
  const { FOLLOWER, LEADER } = MemberInfo.VNodeState;
  return (call, answer) => {
    const blow = beforehand(node, node.faults.draw('gossip'));
    if (blow) return deal(node, call, blow, answer);
    const members = node.members().map((member) =>
      new MemberInfo()
        .setInstanceId(new UUID().setString(randomUUID()))
        .setTimeStamp(String(BigInt(Date.now()) * 10_000n))
        .setState(member.leader ? LEADER : FOLLOWER)
        .setIsAlive(member.alive)
        .setHttpEndPoint(new EndPoint().setAddress(member.host).setPort(member.port)),
    );
    answer(null, new ClusterInfo().setMembersList(members));
  };
}
