// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package inferwatch.testbed.elasticsearch;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Map;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Runs one Elasticsearch node in this JVM, because the start scripts of the distribution are not published to Maven Central:
 * {@code Launcher CONFIG_DIR path.home=DIR key=value...}
 */
public final class Launcher {
    public static void main(String[] args) throws Exception {
        Settings.Builder settings = Settings.builder();
        for (int i = 1; i < args.length; i++) {
            String[] option = args[i].split("=", 2);
            settings.put(option[0], option[1]);
        }
        LogConfigurator.configureESLogging();
        Environment environment = new Environment(settings.build(), Path.of(args[0]));
        // false: we run on the class path, so there is no named server module whose exports could be extended.
        PluginsLoader plugins = PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(environment.modulesDir()),
            PluginsLoader.loadPluginsBundles(environment.pluginsDir()),
            Map.of(),
            false
        );
        Node node = new Node(environment, plugins);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
        node.start();
        Thread.currentThread().join();
    }

    private static void close(Node node) {
        try {
            node.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
