// SPDX-License-Identifier: Apache-2.0

/** The page-table formats of x86. */
@NullMarked
package io.mm4j.vmalloc.format;

import org.jspecify.annotations.NullMarked;
