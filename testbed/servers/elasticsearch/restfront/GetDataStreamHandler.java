// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package inferwatch.testbed.elasticsearch;

import java.io.IOException;
import java.util.List;
import java.util.TreeMap;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.MetadataIndexTemplateService;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.index.Index;
import org.elasticsearch.index.IndexNotFoundException;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.XContentBuilder;

/** {@code GET /_data_stream/{name}}: the streams whose names match; a name without a star that matches none is an error. */
final class GetDataStreamHandler extends BaseRestHandler {
    private final ClusterService cluster;

    GetDataStreamHandler(ClusterService cluster) {
        this.cluster = cluster;
    }

    @Override
    public String getName() {
        return "get_data_streams_action";
    }

    @Override
    public List<Route> routes() {
        return List.of(
            new Route(RestRequest.Method.GET, "/_data_stream"),
            new Route(RestRequest.Method.GET, "/_data_stream/{name}")
        );
    }

    @Override
    protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
        String[] patterns = request.paramAsStringArray("name", new String[] { "*" });
        return channel -> {
            var streams = new TreeMap<>(cluster.state().metadata().dataStreams());
            for (String pattern : patterns) {
                if (Regex.isSimpleMatchPattern(pattern) == false && streams.containsKey(pattern) == false) {
                    throw new IndexNotFoundException(pattern);
                }
            }
            streams.keySet().removeIf(name -> Regex.simpleMatch(patterns, name) == false);
            var body = channel.newBuilder().startObject().startArray("data_streams");
            for (DataStream stream : streams.values()) {
                write(body, stream);
            }
            channel.sendResponse(new RestResponse(RestStatus.OK, body.endArray().endObject()));
        };
    }

    private void write(XContentBuilder body, DataStream stream) throws IOException {
        body.startObject();
        body.field("name", stream.getName());
        body.startObject("timestamp_field").field("name", "@timestamp").endObject();
        body.startArray("indices");
        for (Index index : stream.getIndices()) {
            body.startObject().field("index_name", index.getName()).field("index_uuid", index.getUUID()).endObject();
        }
        body.endArray();
        body.field("generation", stream.getGeneration());
        body.field("template", MetadataIndexTemplateService.findV2Template(cluster.state().metadata(), stream.getName(), false));
        body.endObject();
    }
}
