// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apiguardian.api.API;

/** Gives a {@link PageTableFormat}: the SPI {@code page-table}. */
@API(status = API.Status.EXPERIMENTAL)
public interface PageTableFormatProvider extends PluginProvider {
  /**
   * The format with these options.
   *
   * @throws io.mm4j.api.InputException if the options contradict each other
   */
  PageTableFormat create(Options options);

  @Override
  default Map<String, String> describeCapabilities() {
    PageTableFormat format = create(Options.defaults(this));
    Map<String, String> map = new LinkedHashMap<>();
    map.put("levels", Integer.toString(format.levels()));
    map.put("entry-bytes", Integer.toString(format.shape().entryBytes()));
    map.put("address-bits", Integer.toString(format.shape().addressBits()));
    map.put("no-exec", Boolean.toString(format.bits().noExec() != 0));
    map.put("userfaultfd-wp", Boolean.toString(format.bits().uffdWp() != 0));
    return map;
  }
}
