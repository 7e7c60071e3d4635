// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package inferwatch.testbed.elasticsearch;

import java.util.List;
import org.elasticsearch.ResourceAlreadyExistsException;
import org.elasticsearch.action.admin.indices.create.AutoCreateAction;
import org.elasticsearch.action.admin.indices.create.CreateIndexRequest;
import org.elasticsearch.action.admin.indices.create.CreateIndexResponse;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.action.RestToXContentListener;

/** {@code PUT /_data_stream/{name}}, by the action that makes a stream when a first document comes for it. */
final class CreateDataStreamHandler extends BaseRestHandler {
    private final ClusterService cluster;

    CreateDataStreamHandler(ClusterService cluster) {
        this.cluster = cluster;
    }

    @Override
    public String getName() {
        return "create_data_stream_action";
    }

    @Override
    public List<Route> routes() {
        return List.of(new Route(RestRequest.Method.PUT, "/_data_stream/{name}"));
    }

    @Override
    protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
        CreateIndexRequest create = new CreateIndexRequest(request.param("name"));
        create.requireDataStream(true);
        return channel -> {
            if (cluster.state().metadata().dataStreams().containsKey(create.index())) {
                throw new ResourceAlreadyExistsException("data_stream [" + create.index() + "] already exists");
            }
            client.execute(AutoCreateAction.INSTANCE, create, new RestToXContentListener<CreateIndexResponse>(channel));
        };
    }
}
