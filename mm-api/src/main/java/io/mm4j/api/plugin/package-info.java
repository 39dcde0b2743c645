// SPDX-License-Identifier: Apache-2.0

/** How plugins are declared, named and configured. */
@NullMarked
package io.mm4j.api.plugin;

import org.jspecify.annotations.NullMarked;
