// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.plugin;

import org.apiguardian.api.API;

/**
 * One declared option of a plugin.
 *
 * @param name as written on the command line, e.g. {@code max-order}
 * @param type what its text means
 * @param defaultValue used when the option is not given, in the same spelling
 * @param line one line of help
 */
@API(status = API.Status.MAINTAINED)
public record OptionSpec(String name, Type type, String defaultValue, String line) {
  /** The kinds of value. */
  public enum Type {
    /** {@code true} or {@code false}. */
    BOOLEAN("true or false"),
    /** A decimal or {@code 0x} number. */
    NUMBER("a number, decimal or 0x.."),
    /** A size in bytes: {@code 4096}, {@code 512K}, {@code 2G}. */
    SIZE("a size such as 4096, 512K, 128M, 2G, 1T"),
    /** Any text. */
    TEXT("text");

    private final String allowed;

    Type(String allowed) {
      this.allowed = allowed;
    }

    /** What may be written, for messages. */
    public String allowed() {
      return allowed;
    }
  }
}
