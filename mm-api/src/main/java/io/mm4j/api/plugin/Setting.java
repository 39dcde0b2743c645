// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.plugin;

import io.mm4j.api.InputException;
import java.util.Locale;
import org.apiguardian.api.API;

/**
 * One setting of the machine that a floor reads: a {@code vm.*} value or a parameter of the kernel
 * command line. Settings belong to the machine and several floors may read one; what configures a
 * single plugin is an {@link OptionSpec}.
 *
 * @param kind where it is written
 * @param name its name, without {@code vm.}
 * @param type what its text means
 * @param line one line of help
 */
@API(status = API.Status.MAINTAINED)
public record Setting(Kind kind, String name, OptionSpec.Type type, String line) {
  /** Where a setting is written. */
  public enum Kind {
    /** {@code /proc/sys/vm/NAME}; {@code vm.NAME=} or {@code sysctl.vm.NAME=} at boot. */
    SYSCTL("vm."),
    /** {@code NAME=} on the kernel command line. */
    PARAMETER(""),
    /**
     * The same, where it counts what stands before it: a floor gets all of its words of this kind,
     * as they are written, as the value of {@link Setting#IN_ORDER}.
     */
    ORDERED("");

    private final String prefix;

    Kind(String prefix) {
      this.prefix = prefix;
    }
  }

  /** The name under which a floor finds its words of {@link Kind#ORDERED}. */
  public static final String IN_ORDER = "in order";

  /** A number under {@code /proc/sys/vm}. */
  public static Setting sysctl(String name, String line) {
    return new Setting(Kind.SYSCTL, name, OptionSpec.Type.NUMBER, line);
  }

  /** A parameter of the kernel command line. */
  public static Setting parameter(String name, OptionSpec.Type type, String line) {
    return new Setting(Kind.PARAMETER, name, type, line);
  }

  /** A parameter of the kernel command line that hangs on others before it. */
  public static Setting ordered(String name, OptionSpec.Type type, String line) {
    return new Setting(Kind.ORDERED, name, type, line);
  }

  /** Its name as written: {@code vm.max_map_count}, {@code mem}. */
  public String fullName() {
    return kind.prefix + name;
  }

  /** How it is written: {@code vm.max_map_count=NUMBER}. */
  public String form() {
    return fullName() + "=" + type.name().toUpperCase(Locale.ROOT);
  }

  /** Refuses a value that its type does not allow. */
  public void check(String value) {
    switch (type) {
      case NUMBER -> {
        long _ =
            kind == Kind.SYSCTL
                ? Sizes.parseSysctl(value, fullName() + "=")
                : Sizes.parseNumber(value, fullName() + "=");
      }
      case SIZE -> Sizes.parseSize(value, fullName() + "=");
      case BOOLEAN -> {
        if (!value.matches("0|1|true|false|on|off")) {
          throw new InputException(
              "'" + value + "' is not a truth value", fullName() + "=", "0, 1, on, off");
        }
      }
      case TEXT -> {}
    }
  }
}
