// SPDX-License-Identifier: Apache-2.0

/** The rules of {@code vmalloc}, and plugins that are wrong on purpose. */
@NullMarked
package io.mm4j.testkit.vmalloc;

import org.jspecify.annotations.NullMarked;
