import { randomUUID } from 'node:crypto';
import { ClusterInfo, EndPoint, MemberInfo } from '@eventstore/db-client/generated/gossip_pb';
import { SupportedMethod, SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb';
import { type Empty, UUID } from '@eventstore/db-client/generated/shared_pb';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { atLeast, type Node } from './node';
import { rpc } from './status';

const STREAMS = 'event_store.client.streams.Streams';

/** Says the version and which methods there are: clients choose between the two appends by it. */
export function featuresHandler(node: Node): handleUnaryCall<Empty, SupportedMethods> {
  return (_call, answer) => {
    if (!atLeast(node, '21.10')) return answer(rpc.unimplemented());
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
  return (_call, answer) => {
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
