// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import io.mm4j.api.plugin.PluginProvider;
import java.util.List;
import org.apiguardian.api.API;

/**
 * A plugin that is wrong on purpose, and the rules that are meant to catch it. It is no service: it
 * appears in no listing of plugins and no machine can be booted with it by name.
 *
 * @param name a few words in lower case, joined by {@code -}
 * @param what one sentence: its one defect
 * @param meantFor ids of the rules that must fail on it
 * @param provider the wrong plugin
 * @param <P> the provider type of its SPI
 */
@API(status = API.Status.MAINTAINED)
public record Fault<P extends PluginProvider>(
    String name, String what, List<String> meantFor, P provider) {
  /** Copies the list. */
  public Fault {
    meantFor = List.copyOf(meantFor);
  }
}
