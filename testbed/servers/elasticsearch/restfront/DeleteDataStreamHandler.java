// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package inferwatch.testbed.elasticsearch;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ClusterStateUpdateTask;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.MetadataDataStreamsService;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.index.IndexNotFoundException;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.action.RestToXContentListener;

/** {@code DELETE /_data_stream/{name}}: the streams whose names match, with their backing indices. */
final class DeleteDataStreamHandler extends BaseRestHandler {
    private final ClusterService cluster;

    DeleteDataStreamHandler(ClusterService cluster) {
        this.cluster = cluster;
    }

    @Override
    public String getName() {
        return "delete_data_stream_action";
    }

    @Override
    public List<Route> routes() {
        return List.of(new Route(RestRequest.Method.DELETE, "/_data_stream/{name}"));
    }

    @Override
    protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
        String[] patterns = request.paramAsStringArray("name", new String[0]);
        return channel -> cluster.submitUnbatchedStateUpdateTask(
            getName(),
            new Delete(cluster, patterns, new RestToXContentListener<>(channel))
        );
    }

    /** The change of the cluster's state; the server removes the indices' files once it is applied. */
    private static final class Delete extends ClusterStateUpdateTask {
        private final ClusterService cluster;
        private final String[] patterns;
        private final ActionListener<AcknowledgedResponse> listener;

        Delete(ClusterService cluster, String[] patterns, ActionListener<AcknowledgedResponse> listener) {
            this.cluster = cluster;
            this.patterns = patterns;
            this.listener = listener;
        }

        @Override
        public ClusterState execute(ClusterState state) {
            Set<DataStream> matching = state.metadata()
                .dataStreams()
                .values()
                .stream()
                .filter(stream -> Regex.simpleMatch(patterns, stream.getName()))
                .collect(Collectors.toSet());
            if (matching.isEmpty() == false) {
                return MetadataDataStreamsService.deleteDataStreams(state, matching, cluster.getSettings());
            }
            if (Arrays.stream(patterns).anyMatch(Regex::isSimpleMatchPattern)) {
                return state;
            }
            throw new IndexNotFoundException(String.join(",", patterns));
        }

        @Override
        public void onFailure(Exception e) {
            listener.onFailure(e);
        }

        @Override
        public void clusterStateProcessed(ClusterState before, ClusterState after) {
            listener.onResponse(AcknowledgedResponse.TRUE);
        }
    }
}
