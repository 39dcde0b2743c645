// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.vma;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apiguardian.api.API;

/** Creates {@link VmaIndex}es, one for each address space: the SPI {@code vma-index}. */
@API(status = API.Status.MAINTAINED)
public interface VmaIndexProvider extends PluginProvider {
  /**
   * What a plugin can do; a test that needs more is skipped, with the reason.
   *
   * @param fastGaps gap searches are O(log n), not linear in the gaps they pass
   * @param allocationFree calls that change nothing, and reserved inserts, allocate no Java object
   * @param maxVmas the largest number of VMAs that {@code create} can be asked for
   */
  record Capabilities(boolean fastGaps, boolean allocationFree, int maxVmas) {}

  /** The plugin's capabilities. */
  Capabilities capabilities();

  /**
   * Creates an empty index.
   *
   * @param maxVmas the number of VMAs it refuses to exceed, {@code 1..capabilities().maxVmas()}
   * @throws io.mm4j.api.MisuseException if {@code maxVmas} is outside these bounds
   * @throws io.mm4j.api.InputException for the value of an option that is not allowed
   */
  VmaIndex create(int maxVmas, Options options);

  /** Creates an empty index that holds as many VMAs as the plugin can, with default options. */
  default VmaIndex create() {
    return create(capabilities().maxVmas(), Options.defaults(this));
  }

  @Override
  default Map<String, String> describeCapabilities() {
    Capabilities c = capabilities();
    Map<String, String> map = new LinkedHashMap<>();
    map.put("fast-gaps", Boolean.toString(c.fastGaps()));
    map.put("allocation-free", Boolean.toString(c.allocationFree()));
    map.put("max-vmas", Integer.toString(c.maxVmas()));
    return map;
  }
}
